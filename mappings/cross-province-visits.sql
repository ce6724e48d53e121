-- 跨省异地工伤住院病人（医保办在工伤登记里标 YDBZ = '1'）；列与 inpatient-visits.sql 相同，多入院诊断。
SELECT r.ZYH, r.ZYHM, r.ZYCS, r.BRXM, UPPER(r.SFZH) AS SFZH, r.RYRQ,
       CASE WHEN r.CYPB = 1 THEN r.CYRQ END AS CYRQ,
       r.RYZDBM, r.RYZDMC, r.BRCH, k.KSMC, b.KSMC AS BQMC, y.YGXM AS YSXM,
       g.RDSBH, g.ZLLB, g.JBBM, g.SBKH
FROM ZY_BRRY r
JOIN GS_DJXX g ON g.ZYH = r.ZYH
LEFT JOIN GY_KSDM k ON k.KSDM = r.BRKS
LEFT JOIN GY_KSDM b ON b.KSDM = r.BRBQ
LEFT JOIN GY_YGDM y ON y.YGDM = r.ZZYS
WHERE r.GSBZ = '1' AND g.YDBZ = '1'
