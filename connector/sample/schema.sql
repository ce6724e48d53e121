-- 示范医院 HIS 库。记号因数据库而异：{ID} 自增主键，{MONEY} 金额（四位小数），{DT} 日期时间，{BLOB} 文件。
-- 一行一列，行尾注释即列注释；表注释写在表名之后。

CREATE TABLE GY_KSDM ( -- 科室代码
  KSDM CHAR(6) NOT NULL PRIMARY KEY, -- 科室代码
  KSMC VARCHAR(40) NOT NULL, -- 科室名称
  KSLB CHAR(1), -- 科室类别：1 临床 2 医技 3 药房
  PYDM VARCHAR(10), -- 拼音代码
  YBKSDM VARCHAR(20), -- 医保科室代码
  ZFPB SMALLINT DEFAULT 0 -- 作废判别
);

CREATE TABLE GY_YGDM ( -- 员工代码
  YGDM CHAR(6) NOT NULL PRIMARY KEY, -- 员工工号
  YGXM CHAR(20) NOT NULL, -- 员工姓名
  KSDM CHAR(6), -- 所在科室
  YGLB CHAR(1), -- 员工类别：1 医师 2 护士 3 收费员
  YBYSBM VARCHAR(20), -- 医保医师编码
  ZFPB SMALLINT DEFAULT 0 -- 作废判别
);

CREATE TABLE GY_ZDXX ( -- 字典
  ZDLB VARCHAR(20) NOT NULL, -- 字典类别
  ZDDM VARCHAR(10) NOT NULL, -- 字典代码
  ZDMC VARCHAR(60) NOT NULL, -- 字典名称
  PLSX INT, -- 排列顺序
  ZFPB SMALLINT DEFAULT 0, -- 作废判别
  PRIMARY KEY (ZDLB, ZDDM)
);

CREATE TABLE MS_BRDA ( -- 病人档案
  BRID {ID}, -- 病人标识
  MZHM VARCHAR(20), -- 门诊号码
  BRXM CHAR(20) NOT NULL, -- 病人姓名
  BRXB SMALLINT, -- 性别：1 男 2 女
  CSNY {DT}, -- 出生年月
  SFZH CHAR(18), -- 身份证号
  BRXZ CHAR(2), -- 病人性质
  YBKH VARCHAR(20), -- 社保卡号
  GZDW VARCHAR(80), -- 工作单位
  LXDH VARCHAR(30), -- 联系电话
  JTZZ VARCHAR(100), -- 家庭住址
  JDSJ {DT}, -- 建档时间
  XGSJ {DT} NULL -- 修改时间（不可靠，可能为空）
);

CREATE TABLE ZY_BRRY ( -- 住院病人
  ZYH BIGINT NOT NULL PRIMARY KEY, -- 住院流水号
  ZYHM VARCHAR(10) NOT NULL, -- 住院号码（再次入院不变）
  ZYCS SMALLINT NOT NULL DEFAULT 1, -- 住院次数
  BRID BIGINT NOT NULL, -- 病人标识
  BRXM CHAR(20) NOT NULL, -- 病人姓名
  BRXB SMALLINT, -- 性别：1 男 2 女
  SFZH CHAR(18), -- 身份证号
  BRXZ CHAR(2), -- 病人性质：01 自费 02 医保 07 工伤
  BRKS CHAR(6), -- 病人科室
  BRBQ CHAR(6), -- 病区
  BRCH VARCHAR(12), -- 床号
  ZYYS CHAR(6), -- 住院医师
  ZZYS CHAR(6), -- 主治医师
  RYRQ CHAR(16) NOT NULL, -- 入院日期 yyyyMMddHH:mm:ss
  CYRQ CHAR(16), -- 出院日期；在院时为空、'' 或 00000000
  RYZDBM VARCHAR(20), -- 入院诊断编码
  RYZDMC VARCHAR(200), -- 入院诊断名称
  CYPB SMALLINT NOT NULL DEFAULT 0, -- 出院判别：0 在院 1 出院
  CYFS CHAR(1), -- 出院方式：1 医嘱离院 2 医嘱转院 5 死亡 9 其他
  CYZDBM VARCHAR(20), -- 出院诊断编码
  CYZDMC VARCHAR(200), -- 出院诊断名称
  ZYTS INT, -- 住院天数：出院日期减入院日期
  DJRQ {DT}, -- 登记日期
  CZGH CHAR(6), -- 操作工号
  GSBZ CHAR(1), -- 工伤标志：1 是；空、''、' '、0 均为否
  BZ VARCHAR(250) -- 备注
);

CREATE TABLE ZY_FYMX ( -- 住院费用明细
  JLXH {ID}, -- 记录序号
  ZYH BIGINT NOT NULL, -- 住院流水号
  FYRQ CHAR(16) NOT NULL, -- 费用日期 yyyyMMddHH:mm:ss
  JFRQ {DT}, -- 记费日期
  XMLX SMALLINT NOT NULL, -- 项目类型：1 西药 2 中成药 3 草药 4 诊疗 5 材料
  FYXH BIGINT NOT NULL, -- 费用序号（药品为药品序号）
  YPCD BIGINT NOT NULL DEFAULT 0, -- 药品产地，非药品为 0
  FYMC VARCHAR(80), -- 费用名称
  GG VARCHAR(50), -- 规格
  DW VARCHAR(10), -- 单位
  FYSL DECIMAL(12,2) NOT NULL, -- 数量，退费为负
  FYDJ DECIMAL(12,5) NOT NULL, -- 单价
  ZJJE {MONEY} NOT NULL, -- 总计金额
  FYXM BIGINT NOT NULL, -- 费用项目（收费类别）
  YZXH BIGINT NULL, -- 医嘱序号
  CFH VARCHAR(20) NULL, -- 处方号
  TFXH BIGINT NULL, -- 退费序号：所退的 JLXH
  FYKS CHAR(6), -- 费用科室
  ZXKS CHAR(6), -- 执行科室
  YSGH CHAR(6), -- 医师工号
  CZGH CHAR(6), -- 操作工号
  JSCS SMALLINT NOT NULL DEFAULT 0, -- 结算次数
  ZFPB SMALLINT NULL, -- 作废判别：空或 0 有效，1 作废
  SCBZ SMALLINT NULL -- 上传标志（旧接口所用）
);

CREATE TABLE ZY_FYMX_N ( -- 住院费用明细年表（结算后由 ZY_FYMX 移来，JLXH 不变）
  JLXH BIGINT NOT NULL PRIMARY KEY, -- 记录序号
  ZYH BIGINT NOT NULL, -- 住院流水号
  FYRQ CHAR(16) NOT NULL, -- 费用日期 yyyyMMddHH:mm:ss
  JFRQ {DT}, -- 记费日期
  XMLX SMALLINT NOT NULL, -- 项目类型
  FYXH BIGINT NOT NULL, -- 费用序号
  YPCD BIGINT NOT NULL, -- 药品产地
  FYMC VARCHAR(80), -- 费用名称
  GG VARCHAR(50), -- 规格
  DW VARCHAR(10), -- 单位
  FYSL DECIMAL(12,2) NOT NULL, -- 数量
  FYDJ DECIMAL(12,5) NOT NULL, -- 单价
  ZJJE {MONEY} NOT NULL, -- 总计金额
  FYXM BIGINT NOT NULL, -- 费用项目
  YZXH BIGINT NULL, -- 医嘱序号
  CFH VARCHAR(20) NULL, -- 处方号
  TFXH BIGINT NULL, -- 退费序号
  FYKS CHAR(6), -- 费用科室
  ZXKS CHAR(6), -- 执行科室
  YSGH CHAR(6), -- 医师工号
  CZGH CHAR(6), -- 操作工号
  JSCS SMALLINT NOT NULL, -- 结算次数
  ZFPB SMALLINT NULL, -- 作废判别
  SCBZ SMALLINT NULL -- 上传标志
);

CREATE TABLE ZY_BQYZ ( -- 病区医嘱
  JLXH {ID}, -- 记录序号（医嘱流水号）
  YZZH BIGINT NOT NULL, -- 医嘱组号
  ZYH BIGINT NOT NULL, -- 住院流水号
  LSYZ SMALLINT NOT NULL, -- 临时医嘱：0 长期 1 临时
  XMLX SMALLINT, -- 项目类型
  YPXH BIGINT, -- 药品或项目序号
  YPCD BIGINT, -- 药品产地
  YZMC VARCHAR(200) NOT NULL, -- 医嘱名称
  YCJL DECIMAL(10,3), -- 一次剂量
  JLDW VARCHAR(10), -- 剂量单位
  YCSL DECIMAL(10,2), -- 一次数量
  YPYF VARCHAR(10), -- 药品用法
  SYPC VARCHAR(10), -- 使用频次
  KSSJ {DT} NOT NULL, -- 开始时间
  TZSJ {DT} NULL, -- 停止时间
  YSGH CHAR(6), -- 开嘱医师
  TZYS CHAR(6), -- 停嘱医师
  FHGH CHAR(6), -- 复核护士
  ZXGH CHAR(6), -- 执行护士
  SRKS CHAR(6), -- 输入科室
  BRCH VARCHAR(12), -- 床号
  BZXX VARCHAR(200), -- 备注信息
  YZZT SMALLINT NOT NULL, -- 医嘱状态：0 新开 1 已复核 2 执行 3 停止
  XGSJ {DT} NOT NULL -- 修改时间
);

CREATE TABLE ZY_JSZB ( -- 住院结算主表
  JSXH {ID}, -- 结算序号
  ZYH BIGINT NOT NULL, -- 住院流水号
  JSCS SMALLINT NOT NULL, -- 结算次数
  JSLX SMALLINT, -- 结算类型
  KSRQ CHAR(8), -- 开始日期
  ZZRQ CHAR(8), -- 终止日期
  JSRQ {DT}, -- 结算日期
  FYHJ {MONEY}, -- 费用合计
  ZFHJ {MONEY}, -- 自负合计
  FPHM VARCHAR(20), -- 发票号码
  DZFPH VARCHAR(20), -- 电子发票号
  CZGH CHAR(6), -- 操作工号
  ZFPB SMALLINT DEFAULT 0, -- 作废判别
  ZFRQ {DT} NULL, -- 作废日期
  YJSXH BIGINT NULL -- 原结算序号（负数结算所冲）
);

CREATE TABLE MS_SFZB ( -- 门诊收费主表（一张收费单为一次就诊；退费为新的负数单）
  SFXH {ID}, -- 收费序号
  BRID BIGINT NOT NULL, -- 病人标识
  MZHM VARCHAR(20), -- 门诊号码
  FPHM VARCHAR(20), -- 发票号码
  SFRQ {DT}, -- 收费日期
  KSDM CHAR(6), -- 科室代码
  YSGH CHAR(6), -- 医师工号
  ZDBM VARCHAR(20), -- 诊断编码
  ZDMC VARCHAR(200), -- 诊断名称
  BRXZ CHAR(2), -- 病人性质
  ZJJE {MONEY}, -- 总计金额
  TFBZ SMALLINT DEFAULT 0, -- 退费标志
  YSFXH BIGINT NULL, -- 原收费序号（退费单所退）
  JZRQ {DT} NULL, -- 结账日期；结账前为空
  ZFPB SMALLINT DEFAULT 0 -- 作废判别
);

CREATE TABLE MS_SFMX ( -- 门诊收费明细
  SBXH {ID}, -- 识别序号
  SFXH BIGINT NOT NULL, -- 收费序号
  CFH VARCHAR(20), -- 处方号
  XMLX SMALLINT, -- 项目类型
  FYXH BIGINT, -- 费用序号
  YPCD BIGINT, -- 药品产地
  FYMC VARCHAR(80), -- 费用名称
  GG VARCHAR(50), -- 规格
  DW VARCHAR(10), -- 单位
  FYSL DECIMAL(12,2), -- 数量
  FYDJ DECIMAL(12,5), -- 单价
  ZJJE {MONEY}, -- 总计金额
  FYXM BIGINT, -- 费用项目
  TFXH BIGINT NULL -- 退费序号：所退的 SBXH
);

CREATE TABLE YK_YPZD ( -- 药品字典（按产地）
  YPXH BIGINT NOT NULL, -- 药品序号
  YPCD BIGINT NOT NULL, -- 药品产地
  YPMC VARCHAR(80), -- 药品名称
  TYMC VARCHAR(80), -- 通用名称
  YPGG VARCHAR(50), -- 药品规格
  YPDW CHAR(8), -- 药品单位
  JXMC VARCHAR(20), -- 剂型名称
  CDMC VARCHAR(60), -- 产地名称
  LSJG DECIMAL(12,5), -- 零售价格
  PZWH VARCHAR(60), -- 批准文号
  GJYBDM VARCHAR(40), -- 国家医保代码
  ZXBZ INT, -- 最小包装
  ZFPB SMALLINT DEFAULT 0, -- 作废判别
  XGSJ {DT}, -- 修改时间
  PRIMARY KEY (YPXH, YPCD)
);

CREATE TABLE GY_YLSF ( -- 医疗收费项目（诊疗、材料）
  FYXH BIGINT NOT NULL PRIMARY KEY, -- 费用序号
  XMLB CHAR(1) NOT NULL, -- 项目类别：1 诊疗 2 材料
  FYMC VARCHAR(80), -- 费用名称
  FYDW CHAR(8), -- 费用单位
  GG VARCHAR(50), -- 规格
  FYDJ DECIMAL(12,5), -- 费用单价
  FYGB BIGINT, -- 费用归并（收费类别）
  GJYBDM VARCHAR(40), -- 国家医保代码
  SCCJ VARCHAR(60), -- 生产厂家
  PYDM VARCHAR(20), -- 拼音代码
  ZFPB SMALLINT DEFAULT 0 -- 作废判别
);

CREATE TABLE YB_MLDZ ( -- 中心目录对照
  DZXH {ID}, -- 对照序号
  XZLB VARCHAR(10) NOT NULL, -- 险种类别：GS 工伤 YB 医保
  XMLX SMALLINT NOT NULL, -- 项目类型
  FYXH BIGINT NOT NULL, -- 费用序号
  YPCD BIGINT NOT NULL DEFAULT 0, -- 药品产地
  YBBM VARCHAR(40), -- 中心编码；空或 SZF…999 为目录外
  YBMC VARCHAR(100), -- 中心名称
  SFDJ VARCHAR(10), -- 收费等级（历次系统写法不一）
  SFLB VARCHAR(3), -- 收费类别（中心代码）
  VMED VARCHAR(20), -- 目录版本号
  KSRQ CHAR(8), -- 开始日期 yyyyMMdd
  JSRQ CHAR(8) NULL, -- 结束日期 yyyyMMdd（含当日）；空为长期有效
  SHBZ CHAR(1), -- 审核标志：1 已审核
  CZGH CHAR(6), -- 操作工号
  CZRQ CHAR(16) -- 操作日期
);

CREATE TABLE BA_BASY ( -- 病案首页
  BAXH {ID}, -- 病案序号
  ZYH BIGINT NOT NULL, -- 住院流水号
  BAHM VARCHAR(18), -- 病案号码
  ZYCS SMALLINT, -- 住院次数
  BRXM VARCHAR(50), -- 病人姓名
  BRXB CHAR(1), -- 性别
  CSRQ CHAR(8), -- 出生日期
  NL VARCHAR(10), -- 年龄
  HYZK CHAR(1), -- 婚姻状况
  ZYDM VARCHAR(4), -- 职业代码
  MZDM VARCHAR(4), -- 民族代码
  SFZH VARCHAR(18), -- 身份证号
  GZDW VARCHAR(100), -- 工作单位
  CSD VARCHAR(100), -- 出生地
  JG VARCHAR(60), -- 籍贯
  XZZ VARCHAR(100), -- 现住址
  LXRM VARCHAR(20), -- 联系人
  LXGX VARCHAR(10), -- 联系人关系
  LXDH VARCHAR(30), -- 联系人电话
  RYRQ CHAR(16), -- 入院日期
  RYKB CHAR(6), -- 入院科别
  CYRQ CHAR(16), -- 出院日期
  CYKB CHAR(6), -- 出院科别
  SJZYTS INT, -- 实际住院天数
  MJZZD VARCHAR(200), -- 门急诊诊断
  MJZZDBM VARCHAR(20), -- 门急诊诊断编码
  WBYY VARCHAR(200), -- 损伤中毒的外部原因
  WBYYBM VARCHAR(20), -- 损伤中毒编码
  YWGM CHAR(1), -- 药物过敏：1 无 2 有
  GMYW VARCHAR(100), -- 过敏药物
  LYFS CHAR(1), -- 离院方式
  XX CHAR(1), -- 血型
  RH CHAR(1), -- RH
  KZR CHAR(6), -- 科主任
  ZRYS CHAR(6), -- 主任医师
  ZZYS CHAR(6), -- 主治医师
  ZYYS CHAR(6), -- 住院医师
  ZRHS CHAR(6), -- 责任护士
  BMY CHAR(6), -- 编码员
  ZFY {MONEY}, -- 总费用
  ZFJE {MONEY}, -- 自付金额
  TJBZ SMALLINT DEFAULT 0, -- 提交标志
  XGSJ {DT} NULL -- 修改时间
);

CREATE TABLE BA_ZDXX ( -- 病案诊断
  ZYH BIGINT NOT NULL, -- 住院流水号
  ZDXH SMALLINT NOT NULL, -- 诊断序号
  ZDLB CHAR(1) NOT NULL, -- 诊断类别：1 主要 2 其他
  ZDBM VARCHAR(20), -- 诊断编码
  ZDMC VARCHAR(200), -- 诊断名称
  RYBQ CHAR(1), -- 入院病情
  CYQK CHAR(1), -- 出院情况
  PRIMARY KEY (ZYH, ZDLB, ZDXH)
);

CREATE TABLE BA_SSXX ( -- 病案手术
  ZYH BIGINT NOT NULL, -- 住院流水号
  SSXH SMALLINT NOT NULL, -- 手术序号
  SSBM VARCHAR(20), -- 手术编码
  SSMC VARCHAR(200), -- 手术名称
  SSRQ CHAR(16), -- 手术日期
  SSJB CHAR(1), -- 手术级别
  SSYS CHAR(6), -- 手术医师
  YZHS CHAR(6), -- 一助
  MZFS VARCHAR(4), -- 麻醉方式
  MZYS CHAR(6), -- 麻醉医师
  QKYH VARCHAR(4), -- 切口愈合
  PRIMARY KEY (ZYH, SSXH)
);

CREATE TABLE YJ_BGXX ( -- 医技报告
  BGXH {ID}, -- 报告序号
  ZYH BIGINT NOT NULL, -- 住院流水号
  BGLX VARCHAR(4) NOT NULL, -- 报告类型：US 超声 DR X光 CT MR 核磁
  JCH VARCHAR(20), -- 检查号
  SMFS VARCHAR(60), -- 扫描方式
  JCBW VARCHAR(60), -- 检查部位
  JCSJ {DT}, -- 检查时间
  JCSJMS VARCHAR(2000), -- 检查所见
  JCJL VARCHAR(2000), -- 检查结论
  BGYS CHAR(6), -- 报告医师
  SHYS CHAR(6), -- 审核医师
  BGZT SMALLINT, -- 报告状态：1 已写 2 已审核
  XGSJ {DT} -- 修改时间
);

CREATE TABLE EMR_BLJL ( -- 病历记录（电子病历的一份文书）
  BLXH {ID}, -- 病历序号
  ZYH BIGINT NOT NULL, -- 住院流水号
  BLLB CHAR(2) NOT NULL, -- 病历类别：01 入院记录 02 病程记录 03 出院记录
  BLMC VARCHAR(60), -- 病历名称
  JLSJ {DT}, -- 记录时间
  JLYS CHAR(6), -- 记录医师
  WCBZ SMALLINT DEFAULT 0, -- 完成标志：0 书写中 1 已签名
  ZFPB SMALLINT DEFAULT 0 -- 作废判别
);

CREATE TABLE EMR_BLNR ( -- 病历内容（一段一行）
  BLXH BIGINT NOT NULL, -- 病历序号
  DLXH SMALLINT NOT NULL, -- 段落序号
  DLMC VARCHAR(20) NOT NULL, -- 段落名称：主诉、现病史等
  DLNR TEXT, -- 段落内容
  PRIMARY KEY (BLXH, DLXH)
);

CREATE TABLE DZ_FPXX ( -- 电子发票
  FPXH {ID}, -- 发票序号
  LYLB SMALLINT NOT NULL, -- 来源类别：1 门诊 2 住院
  ZYH BIGINT NULL, -- 住院流水号
  SFXH BIGINT NULL, -- 门诊收费序号
  FPDM VARCHAR(20), -- 发票代码
  FPHM VARCHAR(20) NOT NULL, -- 发票号码
  KPRQ {DT}, -- 开票日期
  KPJE {MONEY} NOT NULL, -- 开票金额（全额，含自费部分）
  FPNR {BLOB}, -- 发票内容（PDF）
  CHBZ SMALLINT DEFAULT 0, -- 冲红标志：1 已冲红，不再有效
  KPGH CHAR(6) -- 开票工号
);

CREATE TABLE YF_ZSMX ( -- 药品追溯码
  ZSXH {ID}, -- 追溯序号
  LYLB SMALLINT NOT NULL, -- 来源类别：1 门诊 2 住院
  FYJLXH BIGINT NOT NULL, -- 费用记录序号
  YPXH BIGINT, -- 药品序号
  YPCD BIGINT, -- 药品产地
  ZSM VARCHAR(30) NOT NULL, -- 追溯码
  CLBZ SMALLINT DEFAULT 0, -- 拆零标志
  TYBZ SMALLINT DEFAULT 0, -- 退药标志
  SMGH CHAR(6), -- 扫码工号
  SMSJ {DT} -- 扫码时间
);

CREATE TABLE GS_DJXX ( -- 工伤登记（医保办录入；入院或就诊后填 ZYH 或 SFXH）
  DJXH {ID}, -- 登记序号
  BRID BIGINT NOT NULL, -- 病人标识
  ZYH BIGINT NULL, -- 住院流水号
  SFXH BIGINT NULL, -- 门诊收费序号
  GSLB VARCHAR(4), -- 工伤类别：新 新发工伤，旧 老工伤
  YDBZ CHAR(1), -- 异地标志：1 跨省异地；空、''、0 均为本省
  DWBH VARCHAR(30), -- 单位编号（工伤发生单位）
  GRBH VARCHAR(30), -- 个人编号
  RDSBH VARCHAR(30), -- 认定书号（老工伤）
  SQBH VARCHAR(30), -- 继续治疗申请编号（老工伤）
  SGRQ CHAR(8), -- 事故日期 yyyyMMdd
  ZLLB VARCHAR(4), -- 治疗类别：治疗、康复
  JBBM VARCHAR(200), -- 病种编码，多个用逗号分隔
  SBKH VARCHAR(20), -- 社保卡卡号
  ZFFS CHAR(1), -- 自付部分支付方式
  DJGH CHAR(6), -- 登记工号
  DJRQ {DT}, -- 登记日期
  XGSJ {DT} NULL -- 修改时间
);

CREATE INDEX I_FYMX_ZYH ON ZY_FYMX (ZYH, FYRQ);
CREATE INDEX I_FYMXN_ZYH ON ZY_FYMX_N (ZYH, FYRQ);
CREATE INDEX I_BQYZ_ZYH ON ZY_BQYZ (ZYH);
CREATE INDEX I_BQYZ_XGSJ ON ZY_BQYZ (XGSJ, JLXH);
CREATE INDEX I_SFMX_SFXH ON MS_SFMX (SFXH);
CREATE INDEX I_DJXX_ZYH ON GS_DJXX (ZYH);
CREATE INDEX I_BLJL_ZYH ON EMR_BLJL (ZYH);
CREATE INDEX I_FPXX_ZYH ON DZ_FPXX (ZYH);
